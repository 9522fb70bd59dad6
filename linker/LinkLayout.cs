namespace Xenlet.Linker;

/// <summary>The linker script that is installed with this program.</summary>
public static class LinkLayout
{
    /// <summary>Its path.</summary>
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "xenlet.ld");
}
