using System.Reflection;
using Xenlet.QemuXen;
using Xenlet.QemuXen.Base;

namespace Xenlet.Bench;

/// <summary>A program that was published and stripped for this run.</summary>
/// <param name="Name">Its assembly's name.</param>
/// <param name="Image">Path of the image without symbols.</param>
internal sealed record MeasuredProgram(string Name, string Image)
{
    /// <summary>Size of the image, in bytes.</summary>
    public long Size => new FileInfo(Image).Length;

    /// <summary>The top directory of the sources.</summary>
    public static string RepositoryRoot { get; } = typeof(MeasuredProgram).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    /// <summary>Publishes a project and strips what it leaves.</summary>
    /// <param name="project">Its directory in the repository, named as its assembly is.</param>
    /// <param name="directory">Where the stripped image is written.</param>
    /// <param name="services">The value of <c>XenletServices</c>, or <see langword="null"/> for the project's own.</param>
    /// <param name="cancellationToken">Ends the compiler.</param>
    /// <exception cref="QemuXenException">It does not build; the message has the compiler's words.</exception>
    public static async Task<MeasuredProgram> PublishAsync(
        string project, string directory, string? services, CancellationToken cancellationToken)
    {
        string source = Path.Combine(RepositoryRoot, project);
        await HostCommand.RunAsync(
            "dotnet",
            ["publish", source, "-c", "Release", "-v", "quiet", "--nologo", "--tl:off", "-nodeReuse:false",
                .. services is null ? (string[])[] : [$"-p:XenletServices={services}"]],
            cancellationToken: cancellationToken);
        string name = Path.GetFileName(project);
        string published = Path.Combine(source, "bin", "Release", "net10.0", "linux-x64", "publish", name);
        string guest = published + ".elf";
        string image = Path.Combine(directory, services is null ? name : $"{name}-{services}");
        await HostCommand.RunAsync(
            "objcopy", ["--strip-all", File.Exists(guest) ? guest : published, image], cancellationToken: cancellationToken);
        return new(name, image);
    }
}
