"""What notebooks show of each result, and charts as Plotly figures. Loaded when something is drawn."""
