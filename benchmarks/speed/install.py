"""Makes companies as they are in use, with stores and the demo menu: a program of its own, as the harness has no Django."""

from __future__ import annotations

import json
import sys

from benchmarks.faults.install import make_companies


def stock(slugs: list[str]) -> None:
    """Give each company's branch a store at every provider, and the menu with every provider's codes."""
    from orders.models import Branch, BranchStore, Company, MenuProduct, MenuProductCode
    from providers.registry import ADAPTERS
    from providers.samples import DEMO_MENU

    for company in Company.objects.filter(slug__in=slugs):
        branch = Branch.objects.get(company=company)
        BranchStore.objects.bulk_create(
            BranchStore(branch=branch, provider=provider, store_id=f"{company.slug}-{provider}")
            for provider in ADAPTERS
        )
        for dish in DEMO_MENU:
            product = MenuProduct(company=company, name=dish.name, name_ar=dish.name_ar, price=dish.price)
            product.save()
            MenuProductCode.objects.bulk_create(
                MenuProductCode(company=company, product=product, provider=provider, external_id=dish.code)
                for provider in ADAPTERS
            )


if __name__ == "__main__":
    companies = make_companies(sys.argv[1:])
    stock(sys.argv[1:])
    print(json.dumps(companies))
