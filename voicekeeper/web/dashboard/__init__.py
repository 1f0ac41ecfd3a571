"""The dashboard: pages that the server writes, without any script; read `site` first, then `page`."""
