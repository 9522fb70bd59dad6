using System.Buffers.Binary;
using System.Text;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.AssembledGuests;

/// <summary>
/// Assembles tiny PVH guests: 32-bit code at 1 MiB that runs as Xen or QEMU enters it, with paging off. Numbers are those of Xen's
/// public headers (hvm/hvm_op.h, hvm/params.h, event_channel.h, sched.h, io/console.h, arch-x86/hvm/start_info.h).
/// </summary>
internal sealed class AssembledGuest
{
    private const uint LoadAddress = 0x10_0000;
    private const int HeaderSize = 0x1000;
    private const int DataOffset = 0x8000;
    private const int InputConsumed = 3072;
    private const int InputProduced = 3076;
    private const int OutputConsumed = 3080;
    private const int OutputProduced = 3084;
    private const int OutputRing = 1024;
    private const uint SharedInfo = 0x18_0000;
    private const int PendingEvents = 2048;

    private readonly Assembler _code = new(32);
    private readonly List<byte> _data = [];
    private readonly uint _parameter;
    private readonly uint _port;
    private readonly uint _startInfo;
    private readonly Label _consoleWrite;
    private bool _usesConsole;

    private AssembledGuest()
    {
        _parameter = Reserve(16);
        _port = Reserve(4);
        _startInfo = Reserve(4);
        _consoleWrite = _code.CreateLabel();
        _code.mov(__dword_ptr[_startInfo], ebx);
        _code.mov(esp, Reserve(1024) + 1024);
    }

    /// <summary>Writes an image made of the given steps to a temporary file, which the caller deletes.</summary>
    public static string Build(Action<AssembledGuest> steps)
    {
        AssembledGuest guest = new();
        steps(guest);
        string path = Path.Combine(Path.GetTempPath(), $"assembled-guest-{Guid.NewGuid():N}.elf");
        File.WriteAllBytes(path, guest.Link());
        return path;
    }

    /// <summary>Writes to port 0xE9.</summary>
    public void Log(string text) => ForEachByte(Text(text), () => _code.@out(0xE9, al));

    /// <summary>Writes to the first serial port, which only a machine without Xen has.</summary>
    public void WriteSerial(string text) => ForEachByte(
        Text(text),
        () =>
        {
            _code.mov(dx, 0x3F8);
            _code.@out(dx, al);
        });

    /// <summary>Finds the console ring; must come before the other console steps.</summary>
    public void OpenConsole()
    {
        _usesConsole = true;
        GetParameter(18);
        _code.mov(__dword_ptr[_port], eax);
        GetParameter(17);
        _code.mov(ebp, eax);
        _code.shl(ebp, 12);

        // XENMEM_add_to_physmap of the shared info page, to clear the pending bit of the console's event.
        uint place = Data([.. new byte[] { 0xF0, 0x7F, 0, 0 }, .. new byte[8], .. BitConverter.GetBytes(SharedInfo >> 12)]);
        _code.mov(eax, 12);
        _code.mov(ebx, 7);
        _code.mov(ecx, place);
        _code.vmmcall();
    }

    /// <summary>Writes to the console ring, waiting while it is full, and notifies dom0.</summary>
    public void Write(string text)
    {
        _code.mov(esi, Text(text));
        _code.call(_consoleWrite);
    }

    /// <summary>Writes the guest's command line to the console ring.</summary>
    public void WriteCommandLine()
    {
        _code.mov(esi, __dword_ptr[_startInfo]);
        _code.mov(esi, __[esi + 24]);
        _code.call(_consoleWrite);
    }

    /// <summary>Reads a number of bytes from the console ring, each plus one, and writes them back.</summary>
    public void EchoNextOf(int count)
    {
        uint buffer = Reserve(2);
        Label next = _code.CreateLabel();
        _code.mov(__dword_ptr[_parameter], count);
        _code.Label(ref next);
        WaitWhile(
            () =>
            {
                _code.mov(edx, __[ebp + InputConsumed]);
                _code.cmp(edx, __[ebp + InputProduced]);
            },
            again => _code.je(again));
        _code.and(edx, 1023);
        _code.mov(al, __[ebp + edx]);
        _code.inc(al);
        _code.mov(__byte_ptr[buffer], al);
        _code.inc(__dword_ptr[ebp + InputConsumed]);
        _code.mov(esi, buffer);
        _code.call(_consoleWrite);
        _code.dec(__dword_ptr[_parameter]);
        _code.jnz(next);
    }

    /// <summary>Waits until dom0 has taken all of the console's output.</summary>
    public void DrainConsole()
    {
        WaitWhile(
            () =>
            {
                _code.mov(edx, __[ebp + OutputConsumed]);
                _code.cmp(edx, __[ebp + OutputProduced]);
            },
            again => _code.jne(again));
    }

    /// <summary>Shuts the domain down with one of Xen's reasons.</summary>
    public void Shutdown(int reason)
    {
        uint argument = Data(BitConverter.GetBytes(reason));
        _code.mov(eax, 29);
        _code.mov(ebx, 2);
        _code.mov(ecx, argument);
        _code.vmmcall();
        Hang();
    }

    /// <summary>Switches a machine without Xen off through the ACPI control register of QEMU's boards.</summary>
    public void PowerOffWithoutXen()
    {
        _code.mov(dx, 0x604);
        _code.mov(ax, 0x2000);
        _code.@out(dx, ax);
        HangWithoutXen();
    }

    /// <summary>Faults with no interrupt table: the processor resets.</summary>
    public void TripleFault()
    {
        uint empty = Reserve(6);
        _code.lidt(__[empty]);
        _code.int3();
    }

    /// <summary>Stops for good without using the processor. (With interrupts off Xen would take it for a power-off.)</summary>
    public void Hang()
    {
        Label forever = _code.CreateLabel();
        _code.sti();
        _code.Label(ref forever);
        _code.hlt();
        _code.jmp(forever);
    }

    /// <summary>Stops for good on a machine without Xen, whose timer would interrupt.</summary>
    public void HangWithoutXen()
    {
        _code.cli();
        _code.hlt();
    }

    private void GetParameter(int index)
    {
        _code.mov(ecx, _parameter);
        _code.mov(__dword_ptr[ecx], 0x7FF0);
        _code.mov(__dword_ptr[ecx + 4], index);
        _code.mov(eax, 34);
        _code.mov(ebx, 1);
        _code.vmmcall();
        _code.mov(eax, __dword_ptr[ecx + 8]);
    }

    /// <summary>Sleeps on the console's event (SCHEDOP_poll) while a comparison of the ring's indexes says so.</summary>
    private void WaitWhile(Action compare, Action<Label> jumpIfSo)
    {
        uint poll = Data([.. BitConverter.GetBytes(_port), 1, 0, 0, 0, .. new byte[8]]);
        Label check = _code.CreateLabel();
        Label sleep = _code.CreateLabel();
        _code.jmp(check);
        _code.Label(ref sleep);
        _code.mov(eax, 29);
        _code.mov(ebx, 3);
        _code.mov(ecx, poll);
        _code.vmmcall();
        _code.Label(ref check);
        _code.mov(__dword_ptr[SharedInfo + PendingEvents], 0);
        compare();
        jumpIfSo(sleep);
    }

    private void ForEachByte(uint text, Action step)
    {
        Label next = _code.CreateLabel();
        Label done = _code.CreateLabel();
        _code.mov(esi, text);
        _code.Label(ref next);
        _code.lodsb();
        _code.test(al, al);
        _code.je(done);
        step();
        _code.jmp(next);
        _code.Label(ref done);
        _code.nop();
    }

    private void EmitConsoleWrite()
    {
        Label next = _code.CreateLabel();
        Label room = _code.CreateLabel();
        Label notify = _code.CreateLabel();
        Label function = _consoleWrite;
        _code.Label(ref function);
        _code.cld();
        _code.Label(ref next);
        _code.lodsb();
        _code.test(al, al);
        _code.je(notify);
        _code.mov(edi, eax);
        _code.mov(edx, __[ebp + OutputProduced]);
        _code.mov(ecx, edx);
        _code.sub(ecx, __[ebp + OutputConsumed]);
        _code.cmp(ecx, 2048);
        _code.jb(room);
        Notify();
        WaitWhile(
            () =>
            {
                _code.mov(edx, __[ebp + OutputProduced]);
                _code.mov(ecx, edx);
                _code.sub(ecx, __[ebp + OutputConsumed]);
                _code.cmp(ecx, 2048);
            },
            again => _code.jae(again));
        _code.Label(ref room);
        _code.and(edx, 2047);
        _code.mov(eax, edi);
        _code.mov(__[ebp + edx + OutputRing], al);
        _code.inc(__dword_ptr[ebp + OutputProduced]);
        _code.jmp(next);
        _code.Label(ref notify);
        Notify();
        _code.ret();
    }

    private void Notify()
    {
        _code.mov(eax, 32);
        _code.mov(ebx, 4);
        _code.mov(ecx, _port);
        _code.vmmcall();
    }

    private uint Text(string text) => Data([.. Encoding.UTF8.GetBytes(text), 0]);

    private uint Reserve(int size) => Data(new byte[size]);

    private uint Data(byte[] bytes)
    {
        uint address = LoadAddress + DataOffset + (uint)_data.Count;
        _data.AddRange(bytes);
        return address;
    }

    private byte[] Link()
    {
        if (_usesConsole)
        {
            EmitConsoleWrite();
        }

        MemoryStream code = new();
        uint entry = LoadAddress + HeaderSize;
        _code.Assemble(new StreamCodeWriter(code), entry);
        if (code.Length > DataOffset - HeaderSize)
        {
            throw new InvalidOperationException("the code reaches into the data");
        }

        byte[] image = new byte[DataOffset + _data.Count];
        code.ToArray().CopyTo(image, HeaderSize);
        _data.CopyTo(image, DataOffset);
        WriteHeaders(image, entry);
        return image;
    }

    /// <summary>ELF header, one segment over the whole file and a note of type 18 (XEN_ELFNOTE_PHYS32_ENTRY) inside it.</summary>
    private static void WriteHeaders(Span<byte> image, uint entry)
    {
        const int noteOffset = 0x200;
        new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(image);
        U16(image, 16, 2);
        U16(image, 18, 62);
        U32(image, 20, 1);
        U32(image, 24, entry);
        U32(image, 32, 64);
        U16(image, 52, 64);
        U16(image, 54, 56);
        U16(image, 56, 2);
        U16(image, 58, 64);
        ProgramHeader(image[64..], 1, 7, 0, (uint)image.Length);
        ProgramHeader(image[120..], 4, 4, noteOffset, 20);
        U32(image, noteOffset, 4);
        U32(image, noteOffset + 4, 4);
        U32(image, noteOffset + 8, 18);
        "Xen\0"u8.CopyTo(image[(noteOffset + 12)..]);
        U32(image, noteOffset + 16, entry);
    }

    private static void ProgramHeader(Span<byte> header, uint type, uint flags, uint offset, uint size)
    {
        U32(header, 0, type);
        U32(header, 4, flags);
        U32(header, 8, offset);
        U32(header, 16, LoadAddress + offset);
        U32(header, 24, LoadAddress + offset);
        U32(header, 32, size);
        U32(header, 40, size);
        U32(header, 48, type == 1 ? 0x1000u : 4u);
    }

    private static void U16(Span<byte> bytes, int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(bytes[offset..], value);

    private static void U32(Span<byte> bytes, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes[offset..], value);
}
