"""The main job before your eyes: emulator, registry and keeper together, a week in some seconds."""
