# Which rooms a room may include: data flows one way, downwards. tests/arch fails on any other include.
set(allow_base "")
set(allow_bits base)
set(allow_geom base)
set(allow_sparse bits base)
set(allow_solve sparse geom bits base)
set(allow_graph solve sparse geom bits base)
set(allow_view base)
