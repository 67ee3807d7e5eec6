"""What the site has beyond its pages' text: made when it is built, by small extensions of Sphinx."""
