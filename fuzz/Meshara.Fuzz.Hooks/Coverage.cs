namespace Meshara.Fuzz.Hooks;
