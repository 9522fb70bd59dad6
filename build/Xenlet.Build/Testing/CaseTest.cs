using System.Text;
using Xenlet.GuestImage;

namespace Xenlet.Build;

/// <summary>Boots the guest test image with chosen cases, and shows its console.</summary>
/// <param name="repository">Holds the image's sources.</param>
/// <param name="processes">Runs <c>dotnet</c>.</param>
/// <param name="say">Receives progress messages, a line at a time.</param>
internal sealed class CaseTest(Repository repository, ProcessRunner processes, Action<string> say)
{
    /// <summary>The memory that the cases are written for, in MiB.</summary>
    private const int Memory = 64;

    /// <summary>Cases that take longer hang.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>Runs the cases. Rebuilds the image if a source changed.</summary>
    /// <exception cref="BuildException">A word is not the name of a case, or the image does not build.</exception>
    public async Task<TestCount> RunAsync(TestCaseCommand command, CancellationToken cancellationToken)
    {
        CaseSelection selection = CaseSelection.Read(command.Words, CaseTable.All);
        GuestImage image = MakeImage();
        say(command.UnderXen ? "booting it under Xen in QEMU" : "booting it in QEMU, without Xen");
        RunCommand run = new(Project: null) { Memory = Memory, Arguments = selection.Arguments, WithoutXen = !command.UnderXen };
        using MemoryStream console = new();
        await using Stream output = Console.OpenStandardOutput();
        await using TeeStream both = new(output, console);
        int status = await new GuestBooter(repository, say).RunAsync(image, run, Stream.Null, both, cancellationToken, Limit);
        return selection.Judge(status, Encoding.UTF8.GetString(console.ToArray()));
    }

    private GuestImage MakeImage()
    {
        string project = Repository.FindProject(repository.CasesProject);
        string name = Path.GetFileNameWithoutExtension(project);
        GuestImage image = new(name, Path.Combine(repository.Artifacts, name));
        SourceStamp made = new(Path.Combine(image.Directory, "made"));
        if (File.Exists(image.Elf) && made.Covers(repository.FindSources("src", "linker", "tests/GuestImage")))
        {
            return image;
        }

        say($"building {image.Name}");
        DateTime begin = DateTime.UtcNow;
        image = GuestImage.Make(repository, project, processes, quick: true);
        made.Set(begin);
        return image;
    }
}
