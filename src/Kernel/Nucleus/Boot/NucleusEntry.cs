using System.Runtime;
using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Console;
using Xenlet.Kernel.Nucleus.Entry;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Linux.FileSystem;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Platform.Pc;
using Xenlet.Kernel.Nucleus.Platform.Random;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;
using Timer = Xenlet.Kernel.Nucleus.Platform.Timer;

namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>From the boot stub, in long mode on the boot page tables, to the first instruction of the program.</summary>
internal static unsafe class NucleusEntry
{
    private static CommandLineText s_commandLine;
    private static int s_commandLineLength;

    /// <summary>Initialises the machine and returns the registers of the program's first thread.</summary>
    /// <param name="startInfoAddress">Physical address of hvm_start_info.</param>
    [RuntimeExport("xenlet_nucleus_start")]
    public static Frame* Start(ulong startInfoAddress)
    {
        StartInfo* startInfo = (StartInfo*)startInfoAddress;
        if (startInfo->Magic != StartInfo.XEN_HVM_START_MAGIC_VALUE)
        {
            Panic.Halt("not started by a PVH loader: the start info has no magic number"u8);
        }

        BootStages.Begin();
        XenPlatform.Initialise();
        CopyCommandLine(startInfo->CommandLineAddress);
        LoaderMemoryMap.Read(startInfo);
        Ramdisk.Find(startInfo, (ulong)Image.ElfHeader, Image.End);

        FrameAllocator.Initialise((ulong)Image.ElfHeader, Image.End, Ramdisk.Extent);
        PageTable.Initialise();
        KernelMappings.Build();
        PageTable.Activate();
        DirectMap.Activate();
        Descriptors.Initialise();
        Descriptors.EnableSystemCalls();

        if (XenPlatform.IsPresent)
        {
            XenDevices.Initialise();
        }
        else
        {
            TscClock.Initialise();
            LocalApic.Initialise();
            ConsoleDevice.Initialise();
            ConsoleDevice.DeviceReady();
        }

        Timer.Initialise();
        ProcessorCheck.RequireEnough();
        MemoryCheck.RequireEnough();
        MemoryCharge.Initialise();
        if (Image.UsesSockets)
        {
            SocketMemory.Initialise();
        }

        AddressSpace.Initialise(Image.End);
        KernelMappings.AddImageRegions();
        RandomNumbers.Seed();
        StackCookie.Draw();
        GenerationId.Draw();
        AddressSpace.PlaceMappings(RandomNumbers.Next());
        FileTable.Initialise();
        if (!KnownFiles.TryInitialise())
        {
            MemoryCheck.NotEnough();
        }

        Ramdisk.AddFiles();
        Thread* first = InitialProgram.Create((byte*)Unsafe.AsPointer(ref s_commandLine), s_commandLineLength);
        Scheduler.Initialise(first);
        Descriptors.Seal();
        BootStages.NucleusReady();
        return NucleusExit.Leave();
    }

    /// <summary>The loader's memory is about to be reused, so whatever is needed later is copied first.</summary>
    private static void CopyCommandLine(ulong address)
    {
        byte* copy = (byte*)Unsafe.AsPointer(ref s_commandLine);
        byte* text = (byte*)address;

        // One byte more than allowed, so that the parser can detect that it is too long.
        while (address != 0 && s_commandLineLength <= CommandLine.MaximumLength && text[s_commandLineLength] != 0)
        {
            copy[s_commandLineLength] = text[s_commandLineLength];
            s_commandLineLength++;
        }
    }

    [InlineArray(CommandLine.MaximumLength + 1)]
    private struct CommandLineText
    {
        private byte _first;
    }
}
