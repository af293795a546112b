// The ticket: printed by its button, and at once where the order's page asks for it.

document.getElementById("print").addEventListener("click", () => print());
if (location.hash === "#print") print();
