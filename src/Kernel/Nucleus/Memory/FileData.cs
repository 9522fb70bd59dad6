using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// The content of a file in /tmp, which shared mappings show: their pages are the file's own. It lies in the file's node, and stays as long
/// as a region shows it.
/// </summary>
internal unsafe struct FileData
{
    public FilePages Pages;

    /// <summary>Bytes.</summary>
    public ulong Length;

    /// <summary>The regions that show it.</summary>
    public int Regions;

    /// <summary>Whether <see cref="TakeReleased"/> will give it: it has to stay until then.</summary>
    public bool IsReleased;

    private FileData* _nextReleased;

    // What the last region has gone from since somebody asked.
    private static FileData* s_released;

    /// <summary>Pages up to the end, the last one begun.</summary>
    public readonly ulong PageCount => (Length / Base.Pages.Size) + (Length % Base.Pages.Size == 0 ? 0 : 1u);

    /// <summary>The frame of a page, which is made if it was never written; 0 beyond the end, and if there is no room for it.</summary>
    public ulong FindForMapping(ulong page) => page < PageCount ? Pages.FindOrAdd(page) : 0;

    /// <summary>A region that shows the file has gone.</summary>
    public static void Release(FileData* data)
    {
        data->Regions--;
        if (data->Regions == 0 && !data->IsReleased)
        {
            data->IsReleased = true;
            data->_nextReleased = s_released;
            s_released = data;
        }
    }

    /// <summary>A file that its last region has gone from, once; null if there is none. Regions may show it again.</summary>
    public static FileData* TakeReleased()
    {
        FileData* data = s_released;
        if (data != null)
        {
            s_released = data->_nextReleased;
            data->IsReleased = false;
        }

        return data;
    }
}
