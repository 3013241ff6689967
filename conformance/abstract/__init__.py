"""The abstract tests of the standards that a server declares, carried out."""
