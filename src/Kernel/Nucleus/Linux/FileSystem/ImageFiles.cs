using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>
/// What the image has of files: a section that the linker tool writes (linker/Files/FileSection.cs says how) and the link places among the
/// constants. An image without files has an empty one.
/// </summary>
internal static unsafe class ImageFiles
{
    private static Header* Section => HoldsHeader(Image.Files, Image.FilesEnd) ? (Header*)Image.Files : null;

    /// <summary>Variables of the environment that the image has, for what the administrator does not set.</summary>
    public static uint VariableCount => Section == null ? 0 : Section->Variables;

    /// <summary>The first of them, which are strings with a terminating 0, one behind the other.</summary>
    public static byte* FirstVariable => (byte*)Section + Section->VariablesOffset;

    /// <summary>Adds all files, and the directories that their paths name. Returns false if there is no memory for them.</summary>
    public static bool TryAdd(FileNode* directory)
    {
        Header* section = Section;
        if (section == null)
        {
            return true;
        }

        Entry* entries = (Entry*)((byte*)section + section->EntriesOffset);
        for (uint i = 0; i < section->Entries; i++)
        {
            if (!TryAdd(directory, section, entries + i))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryAdd(FileNode* directory, Header* section, Entry* entry)
    {
        byte* name = (byte*)section + entry->PathOffset;
        byte* end = name + entry->PathLength;
        if (*name == '/')
        {
            // What is not the program's own: time zones.
            directory = FileTree.Root;
            name++;
        }

        for (byte* at = name; at < end; at++)
        {
            if (*at == '/')
            {
                directory = FindOrAddDirectory(directory, name, (uint)(at - name));
                name = at + 1;
            }
        }

        FileNode* file = KnownFiles.TryAdd(
            directory, new ReadOnlySpan<byte>(name, (int)(end - name)), NodeKind.File, FileStatus.ReadForAll);
        if (file == null)
        {
            return false;
        }

        file->Content = (byte*)section + entry->ContentOffset;
        file->Length = entry->Length;
        file->Accessed = file->Modified = file->Changed = entry->Seconds * 1_000_000_000;
        return true;
    }

    /// <summary>
    /// Not inlined: the compiler would take the difference of two symbols for that of its own handles, another one each time that it runs.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool HoldsHeader(ulong start, ulong end) => end - start >= (ulong)sizeof(Header);

    private static FileNode* FindOrAddDirectory(FileNode* directory, byte* name, uint length)
    {
        FileNode* found = directory == null ? null : FileTree.Find(directory, name, length);
        return found != null
            ? found
            : KnownFiles.TryAdd(directory, new ReadOnlySpan<byte>(name, (int)length), NodeKind.Directory, FileStatus.ReadSearchForAll);
    }

    /// <summary>The section's beginning. Offsets are from here.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Header
    {
        public uint Entries;
        public uint EntriesOffset;
        public uint Variables;
        public uint VariablesOffset;
    }

    /// <summary>A file.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public uint PathOffset;
        public uint PathLength;
        public ulong ContentOffset;
        public ulong Length;

        /// <summary>Its time, seconds since 1970-01-01 UTC.</summary>
        public ulong Seconds;
    }
}
