namespace System.Runtime;

/// <summary>ILC goes by the name: exports a method as a plain symbol, with no transition.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RuntimeExportAttribute(string entry) : Attribute
{
    public string Entry { get; } = entry;
}
