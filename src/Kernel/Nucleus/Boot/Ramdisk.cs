using System.Diagnostics.CodeAnalysis;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.FileSystem;
using Xenlet.Kernel.Nucleus.Linux.Tar;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>
/// The domain's ramdisk, which the loader passes as a module: a tar archive that lies over the image's files. It stays where the loader has
/// put it, and its pages are nobody else's.
/// </summary>
internal static unsafe class Ramdisk
{
    /// <summary>How much of a path a message shows.</summary>
    private const ulong ShownPath = 200;

    private static ulong s_address;
    private static ulong s_length;

    /// <summary>The pages that it lies in; none if there is no ramdisk.</summary>
    public static Extent Extent => new() { Start = Pages.RoundDown(s_address), End = Pages.RoundUp(s_address + s_length) };

    /// <summary>Reads where it lies, before the loader's memory is reused. The memory map has been read.</summary>
    /// <param name="info">What the loader passed.</param>
    /// <param name="imageStart">Where the image begins.</param>
    /// <param name="imageEnd">Where it ends, exclusive.</param>
    public static void Find(StartInfo* info, ulong imageStart, ulong imageEnd)
    {
        s_length = 0;
        if (info->ModuleCount == 0)
        {
            return;
        }

        if (info->ModuleCount > 1)
        {
            Panic.Halt("the loader passed more than one module: a Xenlet takes a ramdisk"u8);
        }

        ModuleListEntry* module = (ModuleListEntry*)info->ModuleListAddress;
        if (module->Size == 0)
        {
            return;
        }

        if (!MemoryMap.Contains(module->Address, module->Size)
            || (module->Address < imageEnd && module->Address + module->Size > imageStart))
        {
            Panic.Halt("the ramdisk does not lie in free memory"u8);
        }

        s_address = module->Address;
        s_length = module->Size;
    }

    /// <summary>Lays its files over those of the image. One that cannot be ends the guest, with one line that names the entry.</summary>
    public static void AddFiles()
    {
        if (s_length == 0)
        {
            return;
        }

        TarProblem problem = RamdiskFiles.Add(
            WorkingDirectory.Current, DirectMap.Bytes(s_address), s_length, out uint number, out TarPath path);
        if (problem == TarProblem.NoMemory)
        {
            MemoryCheck.NotEnough();
        }

        if (problem != TarProblem.None)
        {
            Refuse(problem, number, in path);
        }
    }

    [DoesNotReturn]
    private static void Refuse(TarProblem problem, uint number, in TarPath path)
    {
        Panic.BeginWithoutBacktrace("ramdisk: entry "u8);
        KernelLog.WriteDecimal(number);
        if (path.Length > 0)
        {
            KernelLog.Write(" '"u8);
            for (ulong i = 0; i < path.Length && i < ShownPath; i++)
            {
                ForeignBytes.Write(path[i]);
            }

            KernelLog.Write(path.Length > ShownPath ? "...'"u8 : "'"u8);
        }

        KernelLog.WriteByte((byte)' ');
        KernelLog.Write(TarProblemText.Of(problem));
        KernelLog.NewLine();
        Panic.Crash();
    }
}
