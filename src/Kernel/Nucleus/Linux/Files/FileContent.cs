using Xenlet.Kernel.Nucleus.Linux.FileSystem;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>The bytes of an open file, whoever keeps them: the tree of files, or the TCP/IP stack.</summary>
internal static unsafe class FileContent
{
    /// <summary>Whether a file has bytes that can be read at any position.</summary>
    public static bool Has(OpenFile* file) => file->Kind is FileKind.Regular or FileKind.Served;

    public static ulong Length(OpenFile* file) =>
        file->Kind == FileKind.Served ? file->Socket->Received.Count : file->Node->Length;

    /// <summary>Copies bytes from a position on, as far as there are any, into memory that may be written.</summary>
    public static ulong Copy(OpenFile* file, ulong position, byte* buffer, ulong count)
    {
        if (file->Kind == FileKind.Served)
        {
            return ServedFiles.Copy(file, position, buffer, count);
        }

        ulong length = file->Node->Length;
        return position < length ? NodeContent.Read(file->Node, position, buffer, Math.Min(count, length - position)) : 0;
    }
}
