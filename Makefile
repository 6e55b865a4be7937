.PHONY: demo test check
demo: ; @./run demo
test: ; @WITHOUT="$(WITHOUT)" ./run test
check: ; @WITHOUT="$(WITHOUT)" ./run check
