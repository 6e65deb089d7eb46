"""The superstore of the tutorial's chapter 11: tills, discounts, staff."""
