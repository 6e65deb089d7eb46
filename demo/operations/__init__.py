"""What those who run the demo need: health, security headers, the access log, the source."""
