using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Xenlet.Elf;
using Xenlet.Tool.CommandLines;

namespace Xenlet.Tool.Tests;

/// <summary>The command as a process, with samples/Hello as the image.</summary>
public sealed partial class ToolTests
{
    [Theory]
    [InlineData("")]
    [InlineData("run")]
    [InlineData("info")]
    [InlineData("symbols")]
    [InlineData("tree")]
    public async Task Each_command_tells_its_use_and_its_exit_statuses(string command)
    {
        ToolProcess help = await ToolProcess.RunAsync([.. command.Length > 0 ? (string[])[command] : [], "--help"]);

        Assert.Equal((0, ""), (help.Status, help.Errors));
        Assert.StartsWith($"usage: xenlet {(command.Length > 0 ? command : "COMMAND")}", help.Output, StringComparison.Ordinal);
        Assert.Contains("exit status: ", help.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "unknown command 'boot'; 'xenlet --help' tells what there is", "boot")]
    [InlineData(2, "info: IMAGE is missing; 'xenlet info --help' tells what there is", "info")]
    [InlineData(2, "tree: unexpected 'b'; 'xenlet tree --help' tells what there is", "tree", "a", "b")]
    [InlineData(2, "symbols: unknown option '-x'; 'xenlet symbols --help' tells what there is", "symbols", "-x")]
    [InlineData(1, "Could not find file '/nowhere'.", "info", "/nowhere")]
    [InlineData(1, "symbols: Could not find file '/nowhere'.", "symbols", "/nowhere")]
    [InlineData(1, "symbols: --source: there is no directory /nowhere", "symbols", "a", "--source", "/nowhere")]
    [InlineData(1, "Could not find file '/nowhere'.", "run", "/nowhere")]
    public async Task What_is_wrong_is_one_line(int status, string expected, params string[] arguments) =>
        Assert.Equal(new ToolProcess(status, "", $"xenlet: {expected}\n"), await ToolProcess.RunAsync(arguments));

    [Fact]
    public async Task A_guest_is_booted_with_its_arguments_and_ends_with_its_status()
    {
        string image = await HelloAsync();

        ToolProcess run = await ToolProcess.RunAsync(["run", image, "--", "hello", "big world"]);

        Assert.Equal((0, ""), (run.Status, run.Errors));
        Assert.Contains("big world", run.Output, StringComparison.Ordinal);
        Assert.EndsWith("xenlet: exit 0\r\n", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_gains_methods_files_and_lines()
    {
        string symbols = Path.ChangeExtension(await HelloAsync(), ".debug");
        ElfSymbol method = new ElfReader(File.ReadAllBytes(symbols), symbols).Symbols()
            .Single(symbol => symbol.Name == "Hello_Numbers__Sum");
        string line = string.Create(CultureInfo.InvariantCulture, $"  at 0x{method.Address:x}");

        ToolProcess named = await ToolProcess.RunAsync(["symbols", symbols], $"panic\n(d1) {line}\n{line}");

        Assert.Equal((0, ""), (named.Status, named.Errors));
        string source = Path.Combine(PublishedImages.RepositoryRoot, "samples", "Hello", "Program.cs");
        Match found = NamedLine().Match(named.Output);
        Assert.True(found.Success, named.Output);
        Assert.Equal(("Hello.Numbers.Sum", source), (found.Groups["name"].Value, found.Groups["file"].Value));
        string text = File.ReadLines(source).ElementAt(int.Parse(found.Groups["line"].Value, CultureInfo.InvariantCulture) - 1);
        Assert.Matches("Sum|long sum|[{]", text);
    }

    [Fact]
    public async Task An_image_is_described_with_its_parts_and_components()
    {
        ToolProcess info = await ToolProcess.RunAsync(["info", await HelloAsync()]);

        // Image and tool are of one repository: the version that its packages would have.
        string version = Regex.Escape(
            typeof(ToolProgram).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion);
        Assert.Equal((0, ""), (info.Status, info.Errors));
        foreach (string expected in (string[])
        [
            $"^  program   Hello {version}$", $"^  Xenlet    {version}$", @"^  \.NET      10\.\d+\.\d+$",
            "^  entry     0x[0-9a-f]+ .*; guest OS Xenlet$",
            @"^  memory    .*; a domain needs memory=\d+ \(MiB\) or more$", "^  0x00200000-0x[0-9a-f]+ .*  r--$", "  r-x$", "  rw-$",
            "KiB  managed code", "KiB  the nucleus's own memory", @"^components \(Hello\.cdx\.json\)$", @"^  libc6-dev 2\.36",
        ])
        {
            Assert.Matches(new Regex(expected, RegexOptions.Multiline), info.Output);
        }
    }

    private static Task<string> HelloAsync() => PublishedImages.PublishAsync("samples/Hello", "Hello.elf");

    [GeneratedRegex(@"^panic\n\(d1\)   at 0x[0-9a-f]+ (?<name>\S+)\+0x0 \((?<file>.*):(?<line>\d+)\)\n  at 0x[0-9a-f]+ \S+")]
    private static partial Regex NamedLine();
}
