using System.Runtime.InteropServices;

namespace Xenlet.Fuzz.Targets;

/// <summary>The console's page of a back end that writes any index at any time.</summary>
internal static unsafe class ConsoleRings
{
    private const int PageSize = 4096;
    private const int Room = 4096;
    private const byte Guard = 0xA5;

    public static void Run(byte[] input)
    {
        Script script = new(input);
        byte* memory = (byte*)NativeMemory.AlignedAlloc(3 * PageSize, PageSize);
        try
        {
            Span<byte> all = new(memory, 3 * PageSize);
            all.Fill(Guard);
            xencons_interface* page = (xencons_interface*)(memory + PageSize);
            page->in_cons = page->in_prod = script.UInt32();
            page->out_cons = page->out_prod = script.UInt32();
            ConsoleRing ring = new(page);
            while (!script.AtEnd)
            {
                Step(script, page, ref ring);
            }

            Assert.Equal(-1, all[..PageSize].IndexOfAnyExcept(Guard));
            Assert.Equal(-1, all[(PageSize + sizeof(xencons_interface))..].IndexOfAnyExcept(Guard));
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
            Machine.Reset();
        }
    }

    private static void Step(Script script, xencons_interface* page, ref ConsoleRing ring)
    {
        byte* buffer = stackalloc byte[Room];
        Span<byte> bytes = new(buffer, Room);
        bytes.Fill(Guard);
        int length = script.Below(3000);
        switch (script.Below(6))
        {
            case 0:
                page->in_prod = script.Near(page->in_prod);
                break;
            case 1:
                page->out_cons = script.Near(page->out_cons);
                break;
            case 2:
                page->in_cons = script.UInt32();
                page->out_prod = script.UInt32();
                break;
            case 3:
                Assert.InRange(ring.Write(buffer, length), 0, Math.Min(length, (int)xencons_interface.OutputSize));
                break;
            case 4:
                new Span<byte>(page->input, (int)xencons_interface.InputSize).Fill(1);
                int read = ring.Read(buffer, length);
                Assert.InRange(read, 0, Math.Min(length, (int)xencons_interface.InputSize));
                Assert.Equal(-1, bytes[..read].IndexOfAnyExcept((byte)1));
                Assert.Equal(-1, bytes[read..].IndexOfAnyExcept(Guard));
                break;
            default:
                _ = ring.TakeProgress();
                Assert.True(ring.OutputDrained || !ring.IsBroken, "a broken ring is waited for");
                break;
        }
    }
}
