using System.Globalization;
using System.Security.Cryptography;

namespace Xenlet.Samples.Web;

/// <summary>Files that clients send and fetch again, in /tmp: the memory of the domain.</summary>
internal static class Files
{
    private static readonly string Store = Directory.CreateTempSubdirectory("files-").FullName;

    public static void MapFiles(this WebApplication app)
    {
        RouteGroupBuilder files = app.MapGroup("/files/{number:int:min(0)}");
        files.MapPut("/", PutAsync);
        files.MapGet("/", (int number) => File.Exists(PathOf(number))
            ? Results.File(PathOf(number), "application/octet-stream", enableRangeProcessing: true)
            : Results.NotFound());
        files.MapDelete("/", (int number) =>
        {
            File.Delete(PathOf(number));
            return Results.NoContent();
        });
    }

    /// <summary>Keeps the body, of any length that /tmp has room for, without having all of it in memory twice.</summary>
    private static async Task<IResult> PutAsync(int number, HttpRequest request, CancellationToken cancellationToken)
    {
        string unfinished = Path.Combine(Store, Path.GetRandomFileName());
        try
        {
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long length = 0;
            await using (FileStream file = File.Create(unfinished))
            {
                byte[] buffer = new byte[64 * 1024];
                int count;
                while ((count = await request.Body.ReadAsync(buffer, cancellationToken)) > 0)
                {
                    hash.AppendData(buffer, 0, count);
                    await file.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
                    length += count;
                }
            }

            File.Move(unfinished, PathOf(number), overwrite: true);
            StoredFile stored = new(number, length, Convert.ToHexStringLower(hash.GetHashAndReset()));
            return Results.Json(stored, Json.Default.StoredFile, statusCode: StatusCodes.Status201Created);
        }
        finally
        {
            File.Delete(unfinished);
        }
    }

    private static string PathOf(int number) => Path.Combine(Store, number.ToString(CultureInfo.InvariantCulture));
}
