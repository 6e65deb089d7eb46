"""The tutorial's chapters, a file each where one file is enough."""
