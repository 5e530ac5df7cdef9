"""Token forgeries, class by class: data and small functions, no I/O. Ids are those of the project's catalogue."""
