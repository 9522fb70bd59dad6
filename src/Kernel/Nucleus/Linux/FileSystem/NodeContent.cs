using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>Reads and changes the content of files. What a call touches of the program's memory has been prepared.</summary>
internal static unsafe class NodeContent
{
    /// <summary>Reads from a position on. Returns the number of bytes, 0 at the file's end.</summary>
    public static ulong Read(FileNode* node, ulong position, byte* buffer, ulong count)
    {
        if (node->Kind == NodeKind.Process)
        {
            return ProcessFiles.Read(node->ProcessFile, position, buffer, count);
        }

        if (position >= node->Length)
        {
            return 0;
        }

        count = Math.Min(count, node->Length - position);
        if (node->Content != null)
        {
            Machine.Copy(buffer, node->Content + position, (nuint)count);
            return count;
        }

        for (ulong done = 0; done < count;)
        {
            ulong part = PartOfPage(position + done, count - done);
            ulong frame = node->Data.Pages.Find((position + done) / Pages.Size);
            if (frame == 0)
            {
                Machine.Fill(buffer + done, 0, (nuint)part);
            }
            else
            {
                Machine.Copy(buffer + done, DirectMap.Bytes(frame) + ((position + done) % Pages.Size), (nuint)part);
            }

            done += part;
        }

        return count;
    }

    /// <summary>Writes from a position on, beyond the file's end too.</summary>
    /// <returns>The number of bytes; fewer than asked for if memory runs out; -ENOSPC, -EFBIG if there is no room for one.</returns>
    public static long Write(FileNode* node, ulong position, byte* buffer, ulong count)
    {
        if (count == 0)
        {
            return 0;
        }

        if (position >= FilePages.MaximumLength)
        {
            return -Errno.EFBIG;
        }

        count = Math.Min(count, FilePages.MaximumLength - position);
        ulong done = 0;
        while (done < count)
        {
            ulong part = PartOfPage(position + done, count - done);
            ulong frame = node->Data.Pages.FindOrAdd((position + done) / Pages.Size);
            if (frame == 0)
            {
                break;
            }

            Machine.Copy(DirectMap.Bytes(frame) + ((position + done) % Pages.Size), buffer + done, (nuint)part);
            done += part;
        }

        if (done == 0)
        {
            return -Errno.ENOSPC;
        }

        node->Length = Math.Max(node->Length, position + done);
        node->Modified = node->Changed = Clock.RealTime();
        return (long)done;
    }

    /// <summary>Cuts a file off, or makes it longer by zeros, which take no memory.</summary>
    public static void SetLength(FileNode* node, ulong length)
    {
        if (length < node->Length)
        {
            SharedFiles.Forget(&node->Data, Pages.RoundUp(length) / Pages.Size);
            node->Data.Pages.Truncate(Pages.RoundUp(length) / Pages.Size);

            // What was behind the end reads as zeros should the file grow again.
            ulong last = Pages.IsAligned(length) ? 0 : node->Data.Pages.Find(length / Pages.Size);
            if (last != 0)
            {
                ulong kept = length % Pages.Size;
                Machine.Fill(DirectMap.Bytes(last) + kept, 0, (nuint)(Pages.Size - kept));
            }
        }

        node->Length = length;
        node->Modified = node->Changed = Clock.RealTime();
    }

    private static ulong PartOfPage(ulong position, ulong count) => Math.Min(count, Pages.Size - (position % Pages.Size));
}
