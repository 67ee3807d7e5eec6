"""All fixed points of a small map: none elsewhere, by branch and prune over intervals."""
