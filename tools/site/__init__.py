"""The documentation as a site: pages from README and docs/, the command line and the public package.

python -m tools.site build     # build/site, with every link and anchor checked
python -m tools.site serve     # the same, then served on this machine's loopback address
"""
