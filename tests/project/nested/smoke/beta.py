from tests.project.nested.smoke import AbstractTest, Base, TopTest

__all__ = ["Base", "TopTest"]


class BetaTest(AbstractTest):
    pass
