"""What those who run the demo need: security headers, the access log, the source."""
