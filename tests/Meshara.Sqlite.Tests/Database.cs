using Microsoft.Data.Sqlite;

namespace Meshara.Sqlite.Tests;

/// <summary>A file seen past the store, as another program sees it.</summary>
internal static class Database
{
    public static SqliteConnection Open(string path)
    {
        SqliteConnection connection = new(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ConnectionString);
        connection.Open();
        return connection;
    }

    public static object? Scalar(SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }

    public static void Execute(SqliteConnection connection, string sql) => Scalar(connection, sql);

    /// <summary>Opens, runs and closes.</summary>
    public static object? Run(string path, string sql)
    {
        using SqliteConnection connection = Open(path);
        return Scalar(connection, sql);
    }
}
