"""What has to be there before the first import of a package: standard library only."""
