// ILC recognises this attribute by its full name; it is internal to CoreLib.
namespace System.Runtime;

/// <summary>
/// Makes a call of an <c>InternalCall</c> method a bare <c>call symbol</c>: here, gives the address of any symbol of the image.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RuntimeImportAttribute(string library, string entryPoint) : Attribute
{
    /// <summary>Always "*": the image itself.</summary>
    public string Library { get; } = library;

    /// <summary>The symbol.</summary>
    public string EntryPoint { get; } = entryPoint;
}
