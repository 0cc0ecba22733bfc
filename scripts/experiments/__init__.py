"""The experiments of the imputation paper: Figures 4, 5 and 8, a config each."""
