"""The app: its five functions, from the three folders that have them."""

import azure.functions as func

from fetch_line_items import bp as fetch_line_items
from get_invoice import bp as get_invoice
from list_invoices import bp as list_invoices

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(list_invoices)
app.register_functions(fetch_line_items)
app.register_functions(get_invoice)
