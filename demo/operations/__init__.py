"""What those who run the demo need: the server, security headers, the timings."""
