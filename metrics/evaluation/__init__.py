"""From images to rows, whatever the metric."""
