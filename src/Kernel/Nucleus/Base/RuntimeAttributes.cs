// ILC recognises these two attributes by their full names. They are internal to CoreLib, so the nucleus declares its own.
namespace System.Runtime;

/// <summary>Gives a static method a plain symbol name that machine code can call, without a transition into managed mode.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RuntimeExportAttribute(string entryPoint) : Attribute
{
    /// <summary>The symbol.</summary>
    public string EntryPoint { get; } = entryPoint;
}

/// <summary>Compiles a call of an <c>InternalCall</c> method to a bare <c>call symbol</c>.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RuntimeImportAttribute(string library, string entryPoint) : Attribute
{
    /// <summary>Always "*": the image itself.</summary>
    public string Library { get; } = library;

    /// <summary>The symbol.</summary>
    public string EntryPoint { get; } = entryPoint;
}
