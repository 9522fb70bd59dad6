using System.Globalization;
using System.Text.RegularExpressions;
using Xenlet.Linker.Unwinding;
using Xenlet.Shared.Unwinding;

namespace Xenlet.Linker.Tests.Unwinding;

public sealed partial class CallFramesTests
{
    private const int FirstEntry = 24;

    private static readonly SampleMethod Simple = new(0, 16, 0, [], [new(0, false, 8, [])]);

    public static TheoryData<string> Damages => [.. DamageOf.Keys];

    private static Dictionary<string, (Action<CompilerObject> Make, string Message)> DamageOf { get; } = new()
    {
        ["another CIE"] = (o => o.Frames[13] = 4, "the entry at 0 of .eh_frame is another CIE than ILC's"),
        ["initial instructions"] = (o => o.Frames[23] = 2, "the entry at 0 of .eh_frame is another CIE than ILC's"),
        ["a length beyond the section"] = (o => o.Frames[FirstEntry] = 0xFF, "the entry at 24 of .eh_frame does not end in the section"),
        ["a length without an id"] = (o => o.Frames[FirstEntry] = 3, "the entry at 24 of .eh_frame does not end in the section"),
        ["a CIE before the section"] = (o => o.Frames[FirstEntry + 4] = 0xFF, "the entry at 24 of .eh_frame has no CIE"),
        ["no data"] = (o => o.Frames[FirstEntry + 16] = 0, "the entry at 24 of .eh_frame has no data of the runtime"),
        ["an unknown instruction"] = (
            o => o.Frames[FirstEntry + 21] = 0x0B,
            "the entry at 24 of .eh_frame cannot be told in an image: there is the instruction 0x0b"),
        ["no size"] = (o => o.Frames[FirstEntry + 12] = 0, "the entry at 24 of .eh_frame describes 0 bytes from 0 on, of 32"),
        ["a size beyond the code"] = (
            o => o.Frames[FirstEntry + 12] = 33, "the entry at 24 of .eh_frame describes 33 bytes from 0 on, of 32"),
        ["no code"] = (o => o.References.RemoveAt(0), "the entry at 24 of .eh_frame does not refer to __managedcode"),
        ["other code"] = (
            o => o.References[0] = o.References[0] with { Symbol = "elsewhere" },
            "the entry at 24 of .eh_frame does not refer to __managedcode"),
        ["code beyond the section"] = (
            o => o.References[0] = o.References[0] with { Addend = 32 }, "the entry at 24 of .eh_frame refers to 32 of __managedcode"),
        ["data beyond the section"] = (
            o => o.References[1] = o.References[1] with { Addend = -1 }, "the entry at 24 of .eh_frame refers to -1 of .dotnet_eh_table"),
        ["two methods in one place"] = (
            o => o.References[2] = o.References[2] with { Addend = 15 }, "two methods have the code at 15 of __managedcode"),
        ["code of nobody"] = (o => o.Code = [.. o.Code, 0x90, 0xC3], "the code at 33 of __managedcode belongs to no method"),
        ["code of nobody first"] = (
            o => o.References[0] = o.References[0] with { Addend = 16 }, "the code at 0 of __managedcode belongs to no method"),
    };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Each_method_is_read_with_its_place_its_data_and_its_rule(int seed)
    {
        IReadOnlyList<SampleMethod> methods = SampleMethod.Make(seed, 300);
        byte[] bytes = CompilerObject.Of(methods).Write();

        IReadOnlyList<Method> read = CallFrames.Read(new ObjectFile("app.o", bytes));

        Assert.Equal(methods.Select(m => (m.Start, m.Size, m.Data)), read.Select(m => (m.Start, m.Size, m.Data)));
        Assert.Equal(methods.Select(m => m.Rows.Count), read.Select(m => m.Rule.Rows.Count));
    }

    [Fact]
    public void Once_they_are_a_debuggers_they_are_read_as_before_and_changed_no_more()
    {
        IReadOnlyList<SampleMethod> methods = SampleMethod.Make(3, 50);
        byte[] bytes = CompilerObject.Of(methods).Write();
        IReadOnlyList<Method> before = CallFrames.Read(new ObjectFile("app.o", bytes));

        byte[] changed = CallFrames.ForDebuggers("app.o", bytes);

        ObjectFile file = new("app.o", changed);
        SectionHeader section = file.Sections.Single(s => s.Name == ".debug_frame.methods");
        Assert.Equal((1u, 0ul), (section.Type, section.Flags));
        Assert.DoesNotContain(file.Sections, s => s.Name == ".eh_frame");
        IReadOnlyList<Method> after = CallFrames.Read(file);
        Assert.Equal(before.Select(m => (m.Start, m.Size, m.Data)), after.Select(m => (m.Start, m.Size, m.Data)));
        Assert.Equal(changed, CallFrames.ForDebuggers("app.o", (byte[])changed.Clone()));
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public void Whatever_is_not_as_ILC_writes_it_is_refused_with_its_place(string damage)
    {
        CompilerObject made = CompilerObject.Of([Simple with { Instructions = [0, 0, 0] }, Simple with { Start = 16 }]);
        (Action<CompilerObject> make, string message) = DamageOf[damage];
        make(made);
        Assert.Equal(
            $"app.o: {message}",
            Assert.Throws<BadObjectException>(() => CallFrames.Read(new ObjectFile("app.o", made.Write()))).Message);
    }

    [Theory]
    [InlineData(".other", "has no section .eh_frame")]
    public void An_object_without_call_frame_information_is_refused(string section, string message) => Assert.Equal(
        $"app.o: {message}",
        Assert.Throws<BadObjectException>(
            () => CallFrames.Read(new ObjectFile("app.o", CompilerObject.Of([Simple]).Write(section)))).Message);

    [BinutilsFact]
    public void A_debugger_finds_every_method_at_its_address_in_the_linked_image()
    {
        IReadOnlyList<SampleMethod> methods = SampleMethod.Make(4, 60);
        using ScratchDirectory scratch = new();
        File.WriteAllBytes(scratch["app.o"], CallFrames.ForDebuggers("app.o", CompilerObject.Of(methods).Write()));
        File.WriteAllText(
            scratch["layout.ld"],
            "SECTIONS { . = 0x400000; __managedcode : { *(__managedcode) } .dotnet_eh_table : { *(.dotnet_eh_table) } "
            + ".debug_frame 0 : { *(.debug_frame.methods) } }");
        Assert.Equal((0, "", ""), Tool.Run("ld", "-T", scratch["layout.ld"], "-o", scratch["image"], scratch["app.o"]));

        (int status, string output, _) = Tool.Run("readelf", "--debug-dump=frames", scratch["image"]);

        Assert.Equal(0, status);
        IEnumerable<(int, int)> found = Range().Matches(output).Select(m => (Parse(m.Groups[1]) - 0x400000, Parse(m.Groups[2]) - 0x400000));
        Assert.Equal(methods.Select(m => (m.Start, m.Start + m.Size)), found);
        Assert.Equal(methods.Sum(m => m.Rows[^1].Saved.Count) + 1, Saved().Count(output));
    }

    private static int Parse(Group number) => int.Parse(number.Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"FDE cie=0+ pc=([0-9a-f]+)\.\.([0-9a-f]+)")]
    private static partial Regex Range();

    [GeneratedRegex(@"DW_CFA_offset: ")]
    private static partial Regex Saved();
}
