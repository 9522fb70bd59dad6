using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Xenlet.Linker.Unwinding;

namespace Xenlet.Linker.Tests;

/// <summary>The image as GNU ld makes it of the stubs, a small program and the layout.</summary>
public sealed class LinkTests : IDisposable
{
    private const ulong PageSize = 0x1000;
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [BinutilsFact]
    public void The_image_has_three_segments_and_none_is_writable_and_executable()
    {
        LinkedImage image = Link();
        Assert.Equal(
            [Segment.Read, Segment.Read | Segment.Execute, Segment.Read | Segment.Write],
            image.Loads.Select(s => s.Flags));
        Assert.Equal(0x200000ul, image.Loads[0].Address);
        Assert.All(image.Loads, s => Assert.Equal(PageSize, s.Alignment));
        for (int i = 1; i < image.Loads.Count; i++)
        {
            Assert.True(PageOf(image.Loads[i - 1].End - 1) < PageOf(image.Loads[i].Address), "two segments share a page");
        }
    }

    [BinutilsFact]
    public void The_headers_and_the_notes_lie_in_the_first_segment()
    {
        LinkedImage image = Link();
        Segment first = image.Loads[0];
        Assert.Equal(0ul, first.Offset);
        Assert.InRange(image.HeadersEnd, 64ul, first.FileSize);
        Assert.Equal(first.Address, image.Symbols["xenlet_image_start"]);
        Segment note = image.Only(Segment.Note);
        Assert.InRange(note.Offset + note.FileSize, image.HeadersEnd, first.FileSize);

        // QEMU rounds a note's fields up to the segment's alignment; Xen rounds them to 4.
        Assert.Equal(4ul, note.Alignment);
    }

    [BinutilsFact]
    public void The_note_says_where_the_entry_is()
    {
        LinkedImage image = Link();
        List<(string Owner, uint Type, byte[] Value)> notes = Notes(image.Contents(image.Only(Segment.Note)).ToArray());
        byte[] entry = Assert.Single(notes, n => n.Owner == "Xen" && n.Type == 18).Value;
        Assert.Equal(4, entry.Length);
        Assert.Equal(image.Symbols["xenlet_start"], BinaryPrimitives.ReadUInt32LittleEndian(entry));
        Assert.Equal(image.Symbols["xenlet_start"], image.Entry);
        Assert.Equal("Xenlet\0", Encoding.ASCII.GetString(Assert.Single(notes, n => n.Owner == "Xen" && n.Type == 6).Value));
    }

    [BinutilsFact]
    public void The_start_code_of_libc_finds_what_it_needs()
    {
        LinkedImage image = Link();
        Segment tls = image.Only(Segment.Tls);
        Assert.Equal(16ul, tls.FileSize);
        Segment relro = image.Only(Segment.Relro);
        Assert.Equal(0ul, relro.End % PageSize);
        foreach (string name in (string[])["pointer", "initialiser"])
        {
            Assert.InRange(image.Symbols[name], relro.Address, relro.End - 1);
        }

        Assert.Equal(image.Symbols["initialiser"], image.Symbols["__init_array_start"]);
        Assert.Equal(image.Symbols["initialiser"] + 8, image.Symbols["__init_array_end"]);
        Assert.Equal(image.Symbols["xenlet_eh_frame_hdr"], image.Only(Segment.EhFrame).Address);
        Assert.Equal(Segment.Read | Segment.Write, image.Only(Segment.Stack).Flags);
    }

    [BinutilsFact]
    public void The_layouts_symbols_bound_what_they_say()
    {
        LinkedImage image = Link();
        Dictionary<string, ulong> symbols = image.Symbols;
        Assert.Equal(symbols["managed_function"], symbols["xenlet_managed_start"]);
        Assert.Equal(symbols["managed_function"] + 1, symbols["xenlet_managed_end"]);
        Assert.Equal(image.Loads[1].Address, symbols["xenlet_text_start"]);
        Assert.Equal(image.Loads[1].End, symbols["xenlet_text_end"]);
        Assert.Equal(image.Loads[2].End, symbols["xenlet_image_end"]);
        Assert.Equal(0ul, symbols["xenlet_image_end"] % PageSize);
        Assert.Equal(0ul, symbols["xenlet_boot_tables"] % PageSize);
        Assert.Equal(symbols["xenlet_nucleus_stack"], symbols["xenlet_nucleus_stack_guard"] + PageSize);
        Assert.Equal(symbols["xenlet_nucleus_stack_top"], symbols["xenlet_nucleus_stack"] + 0x8000);

        // The second one, of non-maskable interrupts, has two pages.
        Assert.Equal(
            [1, 3, 4, 5],
            Enumerable.Range(1, 4).Select(i => (int)((symbols[$"xenlet_ist{i}_top"] - symbols["xenlet_ist_stacks"]) / PageSize)));

        // The nucleus's pages: whole ones, nothing of the program's among them, those that become read-only first.
        (ulong start, ulong end) = (symbols["xenlet_nucleus_data"], symbols["xenlet_nucleus_data_end"]);
        Assert.Equal((0ul, 0ul), (start % PageSize, end % PageSize));
        Assert.Equal((start, 2 * PageSize), (symbols["xenlet_sealed"], symbols["xenlet_sealed_end"] - symbols["xenlet_sealed"]));
        Assert.All(
            [
                "xenlet_nucleus_stack_guard", "xenlet_nucleus_stack", "xenlet_ist_stacks", "xenlet_boot_tables", "xenlet_cpu",
                "xenlet_clock",
                "xenlet_fault_frame", "xenlet_nmi_frame",
                "xenlet_start_info", "xenlet_idt", "xenlet_gdt", "xenlet_task_state", "__wrap___security_cookie",
            ],
            name => Assert.InRange(symbols[name], start, end - 1));
        Assert.All(["variable", "zeros", "pointer", "__init_array_end"], name =>
            Assert.InRange(symbols[name], image.Loads[2].Address, start - 1));
    }

    [BinutilsFact]
    public void What_only_Linux_would_read_is_left_out()
    {
        LinkedImage image = Link();
        Assert.DoesNotContain(image.Segments, s => s.Type == Segment.Property);
        Assert.DoesNotContain(".note.gnu.property", image.Sections);
        Assert.DoesNotContain(".note.ABI-tag", image.Sections);
    }

    [BinutilsFact]
    public void A_section_the_layout_does_not_know_stops_the_link()
    {
        ObjectWriter writer = new();
        ObjectSection section = writer.AddData("surprise");
        writer.Define("kept", section, section.Append(new byte[8], 8, []), 8, SymbolKind.Data);
        writer.AddMarker(".note.GNU-stack");
        File.WriteAllBytes(_scratch["surprise.o"], writer.Write());
        (int status, string _, string? errors) = RunLinker("--undefined=kept", _scratch["surprise.o"]);
        Assert.NotEqual(0, status);
        Assert.Contains("orphan section `surprise'", errors, StringComparison.Ordinal);
    }

    [EmulatorFact]
    public void The_entry_hands_the_nucleus_a_processor_in_order()
    {
        LinkedImage image = Link();
        string report = _scratch["report"];
        using Process emulator = Process.Start(new ProcessStartInfo("qemu-system-x86_64", [
            "-accel", "tcg", "-cpu", "max", "-m", "32", "-display", "none", "-monitor", "none", "-serial", "none", "-parallel", "none",
            "-net", "none", "-no-reboot",
            "-debugcon", $"file:{report}", "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-kernel", _scratch["image"]]))!;
        if (!emulator.WaitForExit(TimeSpan.FromMinutes(3)))
        {
            emulator.Kill();
            Assert.Fail("the nucleus's first function was not reached within 3 minutes");
        }

        byte[] bytes = File.ReadAllBytes(report);
        Assert.Equal(8 * TestProgram.Report.Length, bytes.Length);
        Dictionary<string, ulong> values = TestProgram.Report
            .Select((name, i) => (name, value: BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8 * i))))
            .ToDictionary(v => v.name, v => v.value);
        Dictionary<string, ulong> symbols = image.Symbols;
        Assert.InRange(values["argument"], 1ul, uint.MaxValue);
        Assert.Equal(symbols["xenlet_nucleus_stack_top"] - 8, values["rsp"]);
        Assert.Equal(0ul, values["rflags"] & 0x600);
        Assert.Equal((0x08ul, 0x10ul), (values["cs"], values["ss"]));
        Assert.Equal(0x8001_0033ul, values["cr0"]);
        Assert.Equal(symbols["xenlet_boot_tables"], values["cr3"]);
        Assert.Equal(0x6A0ul, values["cr4"]);

        // LMA beside the three bits that were set.
        Assert.Equal(0xD01ul, values["efer"]);
        Assert.Equal((0ul, symbols["xenlet_cpu"]), (values["fsbase"], values["gsbase"]));
        Assert.Equal((0x1F80ul, 0x37Ful), (values["mxcsr"], values["fcw"]));
        Assert.Equal((1ul, symbols["xenlet_nucleus_stack_top"], 0ul), (values["in_nucleus"], values["stack_top"], values["rbp"]));
    }

    [BinutilsFact]
    public void A_runtime_that_does_not_walk_frames_by_the_functions_made_for_it_stops_the_link()
    {
        (string Calls, string? Defines, string? Message)[] runtimes =
        [
            (UnwindFunctions.Find, null, null),
            ("another_function", "another_function", "this version of the runtime does not call the functions"),
            (UnwindFunctions.Find, UnwindFunctions.Step, "this version of the runtime has other functions to walk frames"),
            (UnwindFunctions.Step, UnwindFunctions.Find, "this version of the runtime has other functions to walk frames"),
        ];
        ObjectWriter unwinding = new();
        MethodTable.Add(unwinding, [new Method(0, 1, 0, MethodRule.Read([]))]);
        StubObject.Add(unwinding, UnwindFunctions.Assemble());
        unwinding.AddMarker(".note.GNU-stack");
        File.WriteAllBytes(_scratch["unwinding.o"], unwinding.Write());
        foreach ((string calls, string? defines, string? message) in runtimes)
        {
            ObjectWriter runtime = new();
            ObjectSection code = runtime.AddCode(".text");
            runtime.Define(
                "runtime", code, code.Append(new byte[8], 8, [new(0, RelocationType.Branch32, calls, -4)]), 8, SymbolKind.Function);
            if (defines is not null)
            {
                runtime.Define(defines, code, code.Append(new byte[8], 8, []), 8, SymbolKind.Function);
            }

            runtime.AddMarker(".note.GNU-stack");
            File.WriteAllBytes(_scratch["runtime.o"], runtime.Write());
            IEnumerable<string> wraps = UnwindFunctions.Wrapped.Select(name => $"--wrap={name}");
            (int status, string _, string errors) = RunLinker(
                ["--undefined=runtime", .. wraps, _scratch["unwinding.o"], _scratch["runtime.o"]]);
            Assert.Equal(message is null, status == 0);
            Assert.Contains(message ?? "", errors, StringComparison.Ordinal);
        }
    }

    private LinkedImage Link()
    {
        (int status, string? output, string? errors) = RunLinker();
        Assert.Equal((0, "", ""), (status, output, errors));
        return new LinkedImage(File.ReadAllBytes(_scratch["image"]));
    }

    private (int Status, string Output, string Errors) RunLinker(params string[] more)
    {
        File.WriteAllBytes(_scratch["stubs.o"], StubObject.Write(StubAssembler.Assemble()));
        File.WriteAllBytes(_scratch["program.o"], TestProgram.Write());

        // --undefined keeps what nothing in so small a program refers to.
        string[] kept = ["constant", "variable", "pointer", "thread_variable", "zeros", "managed_function", "unbox_function",
            "initialiser", "__init_array_start", "__init_array_end"];
        return Tool.Run("ld", [
            "-static", "-z", "max-page-size=0x1000", "--gc-sections", "--eh-frame-hdr", "--orphan-handling=error", "--fatal-warnings",
            .. kept.Select(k => $"--undefined={k}"), "-T", LinkLayout.Path, "-o", _scratch[
                "image"], _scratch["stubs.o"], _scratch["program.o"], .. more]);
    }

    private static ulong PageOf(ulong address) => address / PageSize;

    private static List<(string Owner, uint Type, byte[] Value)> Notes(byte[] bytes)
    {
        List<(string, uint, byte[])> notes = new();
        for (int at = 0; at < bytes.Length;)
        {
            int owner = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));
            int size = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 4));
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 8));
            int value = at + 12 + ((owner + 3) & ~3);
            notes.Add((Encoding.ASCII.GetString(bytes, at + 12, owner - 1), type, bytes[value..(value + size)]));
            at = value + ((size + 3) & ~3);
        }

        return notes;
    }
}
