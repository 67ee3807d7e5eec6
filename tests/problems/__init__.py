"""Systems with known answers, which tests of every floor share."""
