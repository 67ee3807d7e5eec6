"""tmp"""
plot_fixed_points = plot_spectrum = None
