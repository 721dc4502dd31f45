raise ValueError("not loadable")
