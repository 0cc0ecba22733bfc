"""What runs beside the package: experiments, recipes, drawings, checks."""
