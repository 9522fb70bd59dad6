namespace Xenlet.QemuXen;

/// <summary>A disk that a guest gets for one run. What is written to it is lost at the end.</summary>
/// <param name="Device">The guest's name for it, such as xvda.</param>
/// <param name="SizeMiB">The size of an empty disk.</param>
/// <param name="File">The file that it is a copy of; null for an empty disk. The copy is in dom0's memory.</param>
public sealed record GuestDisk(string Device, int SizeMiB, string? File)
{
    /// <summary>The name of the first disk (0), the second one (1), and so on.</summary>
    public static string Name(int index) => $"xvd{(char)('a' + index)}";
}
