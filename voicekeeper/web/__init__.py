"""The daemon's HTTP face: health checks, metrics, the API; read `application` first, then `operations`."""
