"""The registry of voices: the only place with SQL. Each public function is one short transaction's work."""
