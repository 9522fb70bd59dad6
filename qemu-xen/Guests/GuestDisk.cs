namespace Xenlet.QemuXen;

/// <summary>A disk that a guest gets for the time of its run; what is written to it is lost then.</summary>
/// <param name="Device">Its name for the guest, such as xvda.</param>
/// <param name="SizeMiB">Its size, where it is empty.</param>
/// <param name="File">The file that it is a copy of; null for an empty one. Dom0 has it in memory.</param>
public sealed record GuestDisk(string Device, int SizeMiB, string? File)
{
    /// <summary>The name of the first disk (0), the second one (1), and so on.</summary>
    public static string Name(int index) => $"xvd{(char)('a' + index)}";
}
