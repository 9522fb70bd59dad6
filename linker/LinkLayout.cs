namespace Xenlet.Linker;

/// <summary>The linker script that comes with this program.</summary>
public static class LinkLayout
{
    /// <summary>Where it is.</summary>
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "xenlet.ld");
}
