using System.Buffers.Binary;
using System.Text;
using Iced.Intel;

namespace Xenlet.Linker.Tests;

public sealed class FailureRedirectTests
{
    [Fact]
    public void Failed_checks_in_the_nucleus_go_to_its_panic_and_nothing_else_changes()
    {
        byte[] bytes = RedirectObject.Write(out Dictionary<string, int>? at);
        Dictionary<string, List<string>> before = Branches(bytes, at);
        RedirectReport report = FailureRedirect.Apply("app.o", bytes);
        Assert.Equal(new RedirectReport(2, 4, 1), report);

        Dictionary<string, List<string>> after = Branches(bytes, at);
        Assert.Equal(
            [
                StubNames.PanicBounds, StubNames.PanicBounds, StubNames.PanicBounds, StubNames.PanicBounds,
                RedirectObject.Nucleus, StubNames.PanicStackCookie, RedirectObject.Allocator,
            ],
            after[RedirectObject.Nucleus]);
        Assert.Equal(
            [
                RedirectObject.IndexHelper, RedirectObject.ArgumentHelper, RedirectObject.IndexHelper, RedirectObject.ArgumentHelper,
                RedirectObject.Program, RedirectObject.Cookie, RedirectObject.Allocator,
            ],
            after[RedirectObject.Program]);
        Assert.Equal(before[RedirectObject.Program], after[RedirectObject.Program]);
        Assert.Equal([RedirectObject.Allocator], after[RedirectObject.Neighbour]);
    }

    [Fact]
    public void A_relocated_call_is_not_taken_for_a_call_of_what_follows_it()
    {
        byte[] bytes = RedirectObject.Write(out Dictionary<string, int>? at);
        FailureRedirect.Apply("app.o", bytes);
        ObjectFile file = new("app.o", bytes);
        Span<byte> code = file.Contents(file.Sections[1]);
        Assert.Equal(0, BinaryPrimitives.ReadInt32LittleEndian(code[(at[RedirectObject.Neighbour] + 1)..]));
    }

    [Fact]
    public void A_second_time_changes_nothing()
    {
        byte[] bytes = RedirectObject.Write(out _);
        FailureRedirect.Apply("app.o", bytes);
        byte[] once = (byte[])bytes.Clone();
        Assert.Equal(new RedirectReport(2, 0, 0), FailureRedirect.Apply("app.o", bytes));
        Assert.Equal(once, bytes);
    }

    [Fact]
    public void The_prefix_says_whose_functions_are_meant()
    {
        byte[] bytes = RedirectObject.Write(out Dictionary<string, int>? at);
        RedirectReport report = FailureRedirect.Apply("app.o", bytes, "Xenlet_Kernel_Xenlet_Kernel_EventChannel");
        Assert.Equal(new RedirectReport(1, 4, 1), report);
        Assert.Contains(StubNames.PanicBounds, Branches(bytes, at)[RedirectObject.Program]);
        Assert.DoesNotContain(StubNames.PanicBounds, Branches(bytes, at)[RedirectObject.Nucleus]);
    }

    [Theory]
    [InlineData(StubNames.PanicBounds)]
    [InlineData(StubNames.PanicStackCookie)]
    public void A_missing_panic_is_named(string panic)
    {
        byte[] bytes = RedirectObject.Write(out _, leaveOut: panic);
        BadObjectException error = Assert.Throws<BadObjectException>(() => FailureRedirect.Apply("app.o", bytes));
        Assert.Equal($"app.o: has no symbol {panic}", error.Message);
    }

    [Fact]
    public void A_prefix_nothing_has_is_an_error()
    {
        byte[] bytes = RedirectObject.Write(out _);
        BadObjectException error = Assert.Throws<BadObjectException>(() => FailureRedirect.Apply("app.o", bytes, "Renamed_"));
        Assert.Contains("Renamed_", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_panic_out_of_a_branchs_reach_is_an_error()
    {
        // A branch without a relocation can be pointed only within its own section.
        byte[] bytes = RedirectObject.Write(out _, panicSection: "elsewhere.");
        BadObjectException error = Assert.Throws<BadObjectException>(() => FailureRedirect.Apply("app.o", bytes));
        Assert.Contains(RedirectObject.Nucleus, error.Message, StringComparison.Ordinal);
        Assert.Contains(StubNames.PanicBounds, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_branch_too_short_for_the_panic_is_an_error()
    {
        byte[] bytes = RedirectObject.Write(out _, branch: Code.Jne_rel8_64);
        BadObjectException error = Assert.Throws<BadObjectException>(() => FailureRedirect.Apply("app.o", bytes));
        Assert.Contains(RedirectObject.Nucleus, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_command_reports_what_it_did_and_names_what_it_cannot_read()
    {
        using ScratchDirectory scratch = new();
        string program = Path.Combine(AppContext.BaseDirectory, "Xenlet.Linker.dll");
        File.WriteAllBytes(scratch["app.o"], RedirectObject.Write(out _));
        (int status, string? output, string? errors) = Tool.Run("dotnet", program, "redirect", scratch["app.o"]);
        Assert.Equal((0, ""), (status, errors));
        Assert.Contains("2 functions", output, StringComparison.Ordinal);
        byte[] expected = RedirectObject.Write(out _);
        FailureRedirect.Apply("app.o", expected);
        Assert.Equal(expected, File.ReadAllBytes(scratch["app.o"]));

        File.WriteAllText(scratch["text.o"], "not an object");
        (status, output, errors) = Tool.Run("dotnet", program, "redirect", scratch["text.o"]);
        Assert.Equal((1, ""), (status, output));
        Assert.Contains(scratch["text.o"], errors, StringComparison.Ordinal);

        (status, output, errors) = Tool.Run("dotnet", program);
        Assert.Equal((1, ""), (status, output));
        Assert.StartsWith("usage:", errors, StringComparison.Ordinal);

        (status, _, _) = Tool.Run("dotnet", program, "script", scratch["layout.ld"]);
        Assert.Equal(0, status);
        Assert.Equal(File.ReadAllText(LinkLayout.Path), File.ReadAllText(scratch["layout.ld"]));

        (status, _, _) = Tool.Run("dotnet", program, "stubs", scratch["stubs.o"]);
        Assert.Equal(0, status);
        Assert.Equal(StubObject.Write(StubAssembler.Assemble()), File.ReadAllBytes(scratch["stubs.o"]));
    }

    /// <summary>Where the branches of each function go, as a linker would resolve them.</summary>
    private static Dictionary<string, List<string>> Branches(byte[] bytes, Dictionary<string, int> at)
    {
        ObjectFile file = new("app.o", bytes);
        byte[] code = file.Contents(file.Sections[1]).ToArray();
        Dictionary<int, string> relocations = new();
        Span<byte> entries = file.Contents(file.Sections.Single(s => s.Name == ".rela__managedcode"));
        for (; entries.Length > 0; entries = entries[24..])
        {
            int symbol = BinaryPrimitives.ReadInt32LittleEndian(entries[12..]);
            relocations[(int)BinaryPrimitives.ReadUInt64LittleEndian(entries)] = Encoding.UTF8.GetString(file.SymbolName(symbol));
        }

        Dictionary<int, string> names = at.ToDictionary(p => p.Value, p => p.Key);
        Dictionary<string, List<string>> branches = new();
        foreach ((string? name,
            int size) in new[] { (RedirectObject.Nucleus, 39), (RedirectObject.Program, 39), (RedirectObject.Neighbour, 5) })
        {
            Iced.Intel.Decoder decoder = Iced.Intel.Decoder.Create(64, code.AsSpan(at[name], size).ToArray());
            decoder.IP = (ulong)at[name];
            branches[name] = [];
            while (decoder.IP < (ulong)(at[name] + size))
            {
                Instruction instruction = decoder.Decode();
                if (instruction.Op0Kind == OpKind.NearBranch64)
                {
                    branches[name].Add(
                        relocations.GetValueOrDefault((int)instruction.NextIP - 4) ?? names[(int)instruction.NearBranchTarget]);
                }
            }
        }

        return branches;
    }
}
