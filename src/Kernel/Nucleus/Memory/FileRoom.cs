using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>The memory that files in /tmp, and those without a name, may take.</summary>
internal static class FileRoom
{
    /// <summary>The most bytes.</summary>
    public static ulong Limit { get; set; }

    /// <summary>Bytes of nodes and names. Those of contents are <see cref="FrameAllocator.FileFrames"/>.</summary>
    public static ulong Records { get; set; }

    /// <summary>Bytes in use.</summary>
    public static ulong Used => (FrameAllocator.FileFrames * Pages.Size) + Records;

    /// <summary>Whether so many bytes more are within the limit.</summary>
    public static bool HasRoom(ulong bytes) => Used + bytes <= Limit;
}
