"""Stage A: matches each tenant's conversions to touchpoints, deterministically and from that tenant's log alone."""
